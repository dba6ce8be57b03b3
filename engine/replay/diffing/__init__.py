"""What differs between two states or values: the walk, the patch, who made each change, the audit of snapshots."""
