"""Opinions and the checks on them: market context, decision models, filters, validator."""
