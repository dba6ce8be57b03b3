"""The building blocks of the screens: line views, panes, header, footer, banner, filter, help and prompt."""
