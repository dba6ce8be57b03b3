"""Help for tests of workflows and stores: a clock and ids that do what the test says."""
