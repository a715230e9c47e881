"""Packages the recipes as `mnist_jax/configs`; pyproject.toml says the rest.

They lie beside the package in the repository. An installed package called
`configs` would be in other people's way.
"""

import setuptools

setuptools.setup(
  packages=[
    *setuptools.find_packages(include=['mnist_jax*']),
    'mnist_jax.configs',
  ],
  package_dir={'mnist_jax.configs': 'configs'},
)
