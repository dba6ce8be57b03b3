"""What makes an execution happen: the runner loop, the recorder, actions and the ports for clock and ids."""
