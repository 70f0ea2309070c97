vcl 4.1;
# An edge as CloudFront is one: it collapses requests, keeps to max-age, revalidates by ETag, and serves stale while it
# revalidates and while its origin fails. ORIGIN_PORT and STALE_WHILE_REVALIDATE are put in by tests/fleet/edge.py.
import std;

backend origin {
    .host = "127.0.0.1";
    .port = "ORIGIN_PORT";
    .connect_timeout = 1s;
    .first_byte_timeout = 10s;
}

sub vcl_recv {
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    # How far beyond max-age an object may be served: at first as long as it is being renewed, after an error as long as
    # the origin allows for errors.
    if (req.restarts == 0) {
        set req.grace = STALE_WHILE_REVALIDATEs;
    } else {
        set req.grace = 24h;
    }
    return (hash);
}

sub vcl_hash {
    # A manifest belongs to a key; a page's address is its own secret and is asked for without one.
    hash_data(req.url);
    hash_data(req.http.Authorization);
    return (lookup);
}

sub vcl_backend_response {
    set beresp.keep = 1h;
    set beresp.grace = 0s;
    if (beresp.http.Cache-Control ~ "stale-if-error=[0-9]+") {
        set beresp.grace = std.duration(regsub(beresp.http.Cache-Control, ".*stale-if-error=([0-9]+).*", "\1s"), 0s);
    }
    if (beresp.status >= 500) {
        return (abandon);
    }
}

sub vcl_backend_error {
    # An error that became an object would displace the stale one for a second, for everybody.
    return (abandon);
}

sub vcl_deliver {
    if (resp.status >= 500 && req.restarts == 0) {
        return (restart);
    }
}

sub vcl_synth {
    if (resp.status == 503 && req.restarts == 0) {
        return (restart);
    }
    # varnish's own page would say Retry-After: 5, which calms clients; few edges are that kind.
    return (deliver);
}
