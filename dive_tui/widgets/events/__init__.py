"""Events in words: the list, one event in full, and what it says."""
