"""Write the model's data files from the 150 flowers that scikit-learn ships.

Run ``python -m training.models.iris.collect`` to write them again:

- seed.csv: the first `SEED_FLOWERS` flowers of each species, in the data set's order;
- examples/iris/more_measurements.csv: the other flowers.
"""

from pathlib import Path

from sklearn.datasets import load_iris

SEED_FLOWERS = 15  # flowers of each species; README.md has the reason
HERE = Path(__file__).resolve().parent
MORE = HERE.parents[2] / "examples" / "iris" / "more_measurements.csv"
HEADER = "sepal_length,sepal_width,petal_length,petal_width,species"


def collect() -> dict[Path, str]:
    """Return the content of each file by its path."""
    flowers = load_iris()
    seed, more = [HEADER], [HEADER]
    seen = dict.fromkeys(range(len(flowers.target_names)), 0)
    for measurements, species in zip(flowers.data, flowers.target, strict=True):
        row = ",".join([*(f"{value:.1f}" for value in measurements), str(flowers.target_names[species])])
        (seed if seen[species] < SEED_FLOWERS else more).append(row)
        seen[species] += 1
    return {HERE / "seed.csv": "\n".join(seed) + "\n", MORE: "\n".join(more) + "\n"}


if __name__ == "__main__":
    for path, content in collect().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
