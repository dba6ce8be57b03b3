"""Speed: `make bench` takes each figure beside a raw probe, `make bench-peers` beside other engines."""
