package httpapi_test

import (
	"bytes"
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"c2d/adapters/httpapi"
	"c2d/core/fault"
)

// TestAClientThatHasGoneIsNoError drops a request whose store then says that it is unavailable, as SQLite does.
func TestAClientThatHasGoneIsNoError(t *testing.T) {
	for _, gone := range []bool{true, false} {
		for code, level := range map[fault.Code]string{fault.CodeStoreUnavailable: "WARN", fault.CodeInternal: "ERROR"} {
			var log bytes.Buffer
			w := newWorld(t, func(_ *httpapi.Config, d *httpapi.Deps) {
				d.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			w.calls.err = fault.New(code, "interrupted")
			ctx, cancel := context.WithCancel(t.Context())
			if gone {
				cancel()
			}
			w.Handler().ServeHTTP(httptest.NewRecorder(), ask{method: "POST", path: "/v1/calls", body: placeBody}.request(ctx))
			cancel()
			want := map[bool]string{true: "DEBUG", false: level}[gone]
			if !strings.Contains(log.String(), "level="+want) {
				t.Errorf("%s, gone %t: %s", code, gone, log.String())
			}
		}
	}
}
