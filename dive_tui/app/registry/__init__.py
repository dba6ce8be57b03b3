"""The tables of what keys can do, one file per part of the app; `dive_tui.app.actions` puts them together."""
