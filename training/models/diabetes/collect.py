"""Write the model's seed.csv from the 442 patients that scikit-learn ships.

Run ``python -m training.models.diabetes.collect`` to write it again. The measurements are the original ones,
in their units, not scikit-learn's scaled variant.
"""

from pathlib import Path

from sklearn.datasets import load_diabetes

HERE = Path(__file__).resolve().parent
HEADER = (
    "age,sex,bmi,blood_pressure,cholesterol,ldl,hdl,cholesterol_ratio,log_triglycerides,glucose,progression"
)


def collect() -> dict[Path, str]:
    """Return the content of the file by its path."""
    patients = load_diabetes(scaled=False)
    rows = [HEADER]
    for measurements, progression in zip(patients.data, patients.target, strict=True):
        rows.append(",".join(f"{value:g}" for value in (*measurements, progression)))
    return {HERE / "seed.csv": "\n".join(rows) + "\n"}


if __name__ == "__main__":
    for path, content in collect().items():
        path.write_text(content, encoding="utf-8")
