"""Reading a JSON or YAML file."""

import json

from tfgan_gn.errors import UserError, first_line


def load_json(path):
    """What a JSON file holds. Raises OSError or ValueError for a file that cannot be read, or is nested too deeply."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except RecursionError:
        raise ValueError("its brackets are nested too deeply") from None


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
        return _load_yaml(path, what) if path.endswith((".yaml", ".yml")) else load_json(path)
    except (OSError, ValueError) as error:
        if isinstance(error, UserError):
            raise
        raise UserError(f"{path} is not {what} ({first_line(error)}): give a .json or .yaml") from None


def _load_yaml(path, what):
    try:
        import yaml
    except ImportError:
        raise UserError(f"{path} needs the package PyYAML: install it, or write {what} as .json") from None
    try:
        with open(path, encoding="utf-8") as file:
            return yaml.safe_load(file)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(error) from None
