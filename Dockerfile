# From source to a static binary on an empty image. Where there is no registry to pull
# the build stage from, a folder that holds the static binary `daily-operator` takes its
# place and nothing is pulled:
#   podman build --isolation=chroot --build-context build=./out .
FROM docker.io/library/rust:1.95 AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY src src
COPY tests tests
COPY contract contract
COPY daily-sim daily-sim
COPY testbed testbed
COPY xtask xtask
# --target keeps proc macros, which cannot be static, out of the flag's reach.
RUN target="$(rustc -vV | sed -n 's/^host: //p')" \
 && RUSTFLAGS="-C target-feature=+crt-static" \
    cargo build --release --locked --package daily-operator --target "$target" \
 && cp "target/$target/release/daily-operator" /daily-operator

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="daily-operator" \
      org.opencontainers.image.description="Kubernetes operator for Daily.co phone dial-in with a PIN" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /daily-operator /daily-operator
USER 65532:65532
EXPOSE 8080
ENTRYPOINT ["/daily-operator"]
CMD ["run"]
