"""Reading a JSON or YAML file."""

import json

from tfgan_gn.errors import UserError, first_line


def read_structured(path, what):
    """Reads a .json, .yaml or .yml file.

    Args:
        path: of the file.
        what: what the file should be, for messages, such as "a study file".

    Returns:
        What the file holds, a JSON value.

    Raises:
        UserError: the file cannot be read, or PyYAML is missing.
    """
    try:
        with open(path, encoding="utf-8") as file:
            return _load_yaml(file, what) if path.endswith((".yaml", ".yml")) else json.load(file)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not {what} ({first_line(error)}): give a .json or .yaml") from None


def _load_yaml(file, what):
    try:
        import yaml
    except ImportError:
        raise UserError(f"{file.name} needs the package PyYAML: install it, or write {what} as .json") from None
    try:
        return yaml.safe_load(file)
    except yaml.YAMLError as error:
        raise ValueError(error) from None
