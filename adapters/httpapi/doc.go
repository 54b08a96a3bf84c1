// Package httpapi is the HTTP API of C2D: JSON in snake_case, RFC 9457 problems, server-sent events, and an OpenAPI
// document generated from the same code.
//
// A request passes, in this order: request id, panic guard, CORS, health and documents (open to all), authentication,
// rate limit, the mux, and then per operation the strict decoder (decode.go, strict.go), which refuses what
// encoding/json and huma would let pass in silence: unknown, doubled and wrongly typed fields, keys that differ only in
// case, control characters, bytes that are not of the declared charset. huma is left with routing, parameters and the
// document; its own validation is off, because its answers could not name our codes.
//
// A GET never dials, and whatever a client needs works with GET and POST alone. Nothing here knows a phone system or a
// store: the services of core are behind the small interfaces of [Deps].
package httpapi
