"""Sign-in, sign-out, the language, and the gallery of parts."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from allauth.account.views import LoginView, LogoutView
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render
from django.views.i18n import set_language

from meshconsole.access.accounts import TOO_SOON
from meshconsole.htmx import events, is_htmx
from meshconsole.ui.gallery import gallery_context


class SignInView(LoginView):  # type: ignore[misc]
    """A page, or a dialog over the page whose session has ended (htmx)."""

    template_name = "account/login.html"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().dispatch(request, *args, **kwargs)
        if is_htmx(request) and response.status_code == 302:
            answer = events(HttpResponse(status=204), signed_in={"csrf": get_token(request)})
            answer.cookies.update(response.cookies)
            return answer
        return response

    def form_invalid(self, form: Any) -> HttpResponse:
        waits = [error.params["seconds"] for error in form.non_field_errors().as_data() if error.code == TOO_SOON]
        # A script puts a form back in its place only for 422.
        status = (
            HTTPStatus.TOO_MANY_REQUESTS if waits and not is_htmx(self.request) else HTTPStatus.UNPROCESSABLE_ENTITY
        )
        headers = {"Retry-After": str(waits[0])} if waits else {}
        return self.render_to_response(self.get_context_data(form=form), status=status, headers=headers)  # type: ignore[no-any-return]

    def get_template_names(self) -> list[str]:
        part = {"sign-in-host": "#dialog", "sign-in-form": "#form"}.get(self.request.headers.get("HX-Target", ""), "")
        return [f"{self.template_name}{part}"]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        # allauth's own context names pages (sign-up, password reset) that this console doesn't have.
        return {
            "form": kwargs.get("form") or self.get_form(),
            "next": self.request.GET.get("next") or self.request.POST.get("next", ""),
        }


# An overridden `dispatch` loses the mark that allauth puts on its own.
sign_in = login_not_required(SignInView.as_view())
sign_out = LogoutView.as_view()
language = login_not_required(set_language)


def gallery(request: HttpRequest) -> HttpResponse:
    if not settings.DEBUG:
        raise Http404
    return render(request, "ui/gallery.html", gallery_context())
