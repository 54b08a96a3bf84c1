package httpapi

import (
	"context"
	"net/http"

	"c2d/core/access"
	"c2d/core/fault"
)

func (s *Server) reloadOperations() {
	register(s, operation(http.MethodPost, "/v1/reload", "reload", "Read the configuration again: backends, routes and limits change, and no call is dropped"), s.reload)
}

// Reloaded is what came of reading the configuration again.
type Reloaded struct {
	Changed  []string `json:"changed" doc:"What is different now, such as: backend pbx: exchanged"`
	Added    []string `json:"added" doc:"What is there now and was not"`
	Draining []string `json:"draining" doc:"What takes no new calls, and is there until those that it has have ended"`
}

func (s *Server) reload(ctx context.Context, a access.Actor, _ *struct{}) (*output[Reloaded], error) {
	if s.deps.Reload == nil {
		return nil, fault.New(fault.CodeNotSupported, "the configuration of this service is no file")
	}
	r, err := s.deps.Reload(ctx, a)
	if err != nil {
		return nil, err
	}
	return &output[Reloaded]{Body: Reloaded{Changed: append([]string{}, r.Changed...), Added: append([]string{}, r.Added...), Draining: append([]string{}, r.Draining...)}}, nil
}
