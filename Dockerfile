# syntax=docker/dockerfile:1
# One image for the server and its commands: `docker run runstone/server server --help`.

FROM python:3.13.13-slim-trixie AS wheel
WORKDIR /source
COPY pyproject.toml hatch_build.py package.json package-lock.json README.md ./
COPY src src
COPY templates templates
COPY static static
COPY migrations migrations
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.13.13-slim-trixie AS environment
RUN python -m venv --without-pip /opt/runstone
COPY --from=wheel /wheels /wheels
RUN pip --python /opt/runstone/bin/python install --no-cache-dir --compile /wheels/*.whl \
 && /opt/runstone/bin/python -m runstone.web.compiled

FROM python:3.13.13-slim-trixie
LABEL org.opencontainers.image.title="Runstone" \
      org.opencontainers.image.description="A self-hosted experiment tracking server that speaks the MLflow wire protocol"
RUN groupadd --gid 10001 runstone \
 && useradd --uid 10001 --gid runstone --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin runstone \
 && install --directory --owner=runstone --group=runstone --mode=0750 /var/lib/runstone
COPY --from=environment /opt/runstone /opt/runstone
ENV PATH=/opt/runstone/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
WORKDIR /var/lib/runstone
USER 10001:10001
EXPOSE 5000
HEALTHCHECK --interval=10s --timeout=6s --start-period=60s --start-interval=1s \
  CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:5000/readyz', timeout=5)"]
ENTRYPOINT ["runstone"]
CMD ["server", "--host", "0.0.0.0"]
