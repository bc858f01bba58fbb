"""The fast engine: robosuite's models, stepped and drawn without its layers."""
