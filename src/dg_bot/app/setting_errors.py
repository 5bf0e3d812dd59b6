"""Say in the program's own words why a setting's value is not taken, without the value."""

from pydantic import ValidationError

from dg_bot.errors import ConfigurationError

_PROBLEMS = {
    "decimal_parsing": "it is not a number",
    "float_parsing": "it is not a number",
    "int_parsing": "it is not a whole number",
    "finite_number": "it is not a finite number",
    "greater_than": "it must be above {gt}",
    "greater_than_equal": "it must be at least {ge}",
    "less_than": "it must be below {lt}",
    "less_than_equal": "it must be at most {le}",
    "enum": "it is none of {expected}",
    "literal_error": "it is none of {expected}",
    "string_pattern_mismatch": "it is too long, or has other characters than are allowed",
    "value_error": "{error}",
}


def setting_error(error: ValidationError) -> ConfigurationError:
    """Give the error that names the first wrong variable, what is wrong with its value, and where to look."""
    first = error.errors(include_input=False, include_url=False)[0]
    context = {name: str(value).replace("'", "") for name, value in first.get("ctx", {}).items()}
    problem = _PROBLEMS.get(first["type"], "it cannot be read").format(**context)
    return ConfigurationError(str(first["loc"][0]).upper(), f"is not usable: {problem}", "see .env.example")
