"""The settings of the commands that neither train a run nor score one."""
