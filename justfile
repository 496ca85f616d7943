# The daily commands; `just` lists them.

_default:
    @just --list

# run a scenario: just run normal-close --step
run *arguments:
    cargo run --quiet -- run {{arguments}}

# every built-in scenario, one line each
all:
    cargo run --quiet --release -- run --all --jobs 4

# all tests that need nothing but Linux
test *arguments:
    cargo test --workspace {{arguments}}

# the tests that need lsof, ss, netstat, ps and xmllint
peers:
    cargo test --features peers --test 'peers*'

# format and lint
check:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --all-features -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --no-deps

# write the golden reports anew; read the difference
golden:
    UPDATE_GOLDEN=1 cargo test --test report --test formats
    git diff --stat tests/golden

# licences and advisories of the dependencies
deny:
    cargo deny check

# what CI checks; as root
ci:
    .ci/run
