"""Django: one scope per request, so that a request reads one revision with one context, in views and templates alike.

```python
INSTALLED_APPS = [..., "buildflags_sdk.integrations.django"]  # the template tags and the checks
MIDDLEWARE = [..., "buildflags_sdk.integrations.django.BuildFlagsMiddleware"]  # after AuthenticationMiddleware
BUILDFLAGS = {
    "URL": "https://flags.example.com",
    "SDK_KEY": os.environ["BUILDFLAGS_SDK_KEY"],
    "WORKSPACE": "acme",
    "ENVIRONMENT": "production",
    "CONTEXT": "shop.flags.context_of",  # request -> mapping
}
```

In a view, `request.flags.is_enabled("new-checkout")`; in a template, `{% load buildflags %}{% flag "new-checkout" %}`.
"""

from __future__ import annotations

from .middleware import BuildFlagsMiddleware as BuildFlagsMiddleware
from .settings import client as client

__all__ = ["BuildFlagsMiddleware", "client"]
