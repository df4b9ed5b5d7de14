# syntax=docker/dockerfile:1

FROM rust:1.95-bookworm AS build
WORKDIR /build
COPY . .
# Cache mounts are not part of the image, so the binary is copied out of them.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin payoutd \
    && cp target/release/payoutd /payoutd

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /nonexistent --no-create-home --shell /usr/sbin/nologin payoutd
COPY --from=build /payoutd /usr/local/bin/payoutd
USER 10001
# The operators' endpoint listens on loopback. To publish it, set PAYOUTD_OPS__LISTEN and PAYOUTD_OPS__TOKEN: payoutd
# requires a token off loopback.
ENV PAYOUTD_HTTP__LISTEN=0.0.0.0:8080 \
    PAYOUTD_OPS__LISTEN=127.0.0.1:8081 \
    PAYOUTD_LOG__FORMAT=json
EXPOSE 8080 8081
# The container is healthy while payoutd is ready: it reaches its database and its broker. Bash sends the request, so
# that the image needs no HTTP client.
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 CMD ["bash", "-c", "\
    exec 3<>/dev/tcp/127.0.0.1/${PAYOUTD_OPS__LISTEN##*:} && \
    printf 'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\nAuthorization: Bearer %s\\r\\n\\r\\n' \"$PAYOUTD_OPS__TOKEN\" >&3 && \
    read -r _ status _ <&3 && [[ $status == 200 ]]"]
ENTRYPOINT ["payoutd"]
CMD ["serve"]
