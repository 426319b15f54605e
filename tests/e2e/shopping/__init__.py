"""The shop of examples/shop, served for real beside a laptop cloud, and the people who use it."""
