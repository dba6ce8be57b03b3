"""What every screen of the terminal app stands on: text, glyphs, colours, actions and the app's shell."""
