"""A stage of many models, held against every limit of AWS that its templates can meet."""
