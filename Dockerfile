FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 DJANGO_SETTINGS_MODULE=meshconsole.settings
WORKDIR /app

COPY requirements/run.txt requirements/run.txt
RUN pip install --no-cache-dir --require-hashes --no-deps -r requirements/run.txt

COPY manage.py pyproject.toml LICENSE ./
COPY meshconsole meshconsole
COPY interconnect interconnect
COPY simulator simulator
COPY docs docs
COPY locale locale
COPY templates templates
COPY static static
# The storage of production's static files names them by their content, so they are collected with its settings.
RUN MESHCONSOLE_ENV=production SECRET_KEY=seen-by-this-build-alone-where-it-signs-nothing ALLOWED_HOSTS=build MESHCONSOLE_CREDENTIAL_KEYS=build \
    DATABASE_URL=postgresql://build/build python manage.py collectstatic --noinput --verbosity 0 \
    && useradd --uid 10001 --no-create-home meshconsole \
    && install -d -o meshconsole -m 0700 /data

USER 10001
ENV MESHCONSOLE_ENV=production MESHCONSOLE_DATA=/data
VOLUME /data
EXPOSE 8000
CMD ["gunicorn", "-c", "python:meshconsole.ops.serving", "--bind", "0.0.0.0:8000", "--workers", "2", "--threads", "4"]
