"""Speed, each figure beside a raw probe taken in the same run: `make bench`."""
