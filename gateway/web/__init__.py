"""What every page and API shares: language, forms, problems, paging, navigation, components.

`gateway.web.setup.install` wires it into an application; features import the modules by name.
"""
