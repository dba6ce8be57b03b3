"""Two executions side by side: units aligned, the first divergence, and which run to compare with."""
