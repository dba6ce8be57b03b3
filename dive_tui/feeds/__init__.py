"""From the store to the screens: tasks that read and watch, and post what they find as messages nobody changes."""
