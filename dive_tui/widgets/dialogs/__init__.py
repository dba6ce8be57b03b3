"""What is asked or chosen on top of a screen."""
