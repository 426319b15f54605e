"""Write the model's data files from the 442 patients that scikit-learn ships.

Run ``python -m training.models.diabetes.collect`` to write them again:

- seed.csv: the first `SEED_PATIENTS` patients, in the data set's order;
- examples/diabetes/more_patients.csv: the other patients.

The measurements are the original ones, in their units, not scikit-learn's scaled variant.
"""

from pathlib import Path

from sklearn.datasets import load_diabetes

SEED_PATIENTS = 100
HERE = Path(__file__).resolve().parent
MORE = HERE.parents[2] / "examples" / "diabetes" / "more_patients.csv"
HEADER = (
    "age,sex,bmi,blood_pressure,cholesterol,ldl,hdl,cholesterol_ratio,log_triglycerides,glucose,progression"
)


def collect() -> dict[Path, str]:
    """Return the content of each file by its path."""
    patients = load_diabetes(scaled=False)
    rows = [
        ",".join(f"{value:g}" for value in (*measurements, progression))
        for measurements, progression in zip(patients.data, patients.target, strict=True)
    ]
    parts = {HERE / "seed.csv": rows[:SEED_PATIENTS], MORE: rows[SEED_PATIENTS:]}
    return {path: "\n".join([HEADER, *part]) + "\n" for path, part in parts.items()}


if __name__ == "__main__":
    for path, content in collect().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
