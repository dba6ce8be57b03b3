"""From files to definitions: workflow YAML with positions, project discovery, the project's actions."""
