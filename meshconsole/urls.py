"""The URLs of the console. The middleware answers `/livez` and `/readyz` before them."""

from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from meshconsole.ui import views

handler400 = "meshconsole.ui.errors.bad_request"
handler403 = "meshconsole.ui.errors.forbidden"
handler404 = "meshconsole.ui.errors.not_found"
handler500 = "meshconsole.ui.errors.failed"

urlpatterns: list[URLPattern | URLResolver] = [
    path("admin/", admin.site.urls),
    path("sign-in/", views.sign_in, name="account_login"),
    path("sign-out/", views.sign_out, name="account_logout"),
    path("language/", views.language, name="set_language"),
    path("ui/", views.gallery, name="gallery"),
    path("", include("interconnect.urls")),
]
