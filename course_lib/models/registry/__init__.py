"""Torchvision's classifiers as one table: a row for each weights entry of its registry, read live.

>>> from course_lib.models.registry import catalog
>>> light = catalog().where(kind="light-weight").best("top1", each="family").sorted("year")
>>> print(light.show("year", "top1", "parameters"))
model               weights                  year  top-1 error, %  parameters, M
squeezenet1_1       IMAGENET1K_V1 (default)  2016            41.8           1.24
mobilenet_v2        IMAGENET1K_V2 (default)  2018            27.8           3.50
shufflenet_v2_x2_0  IMAGENET1K_V1 (default)  2018            23.8           7.39
"""

from course_lib.models.registry.catalog_rows import Row, class_of
from course_lib.models.registry.catalog_table import Catalog, catalog

__all__ = ["Catalog", "Row", "catalog", "class_of"]
