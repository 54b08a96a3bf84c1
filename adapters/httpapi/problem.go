package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"golang.org/x/text/language"

	"c2d/core/fault"
)

// Problem is the body of every error (RFC 9457).
type Problem struct {
	Type      string         `json:"type" doc:"A stable URI of the code"`
	Title     string         `json:"title" doc:"What the code means, in the language of Accept-Language (en, zh-CN)"`
	Status    int            `json:"status"`
	Detail    string         `json:"detail" doc:"What is wrong with this request"`
	Code      string         `json:"code" doc:"A stable word to act on"`
	Field     string         `json:"field,omitempty" doc:"The input at fault, as a path such as callee.number"`
	RequestID string         `json:"request_id" doc:"To be named to the operator"`
	Errors    []ProblemError `json:"errors,omitempty" doc:"Each of several faults in the body; the first is that of the problem"`
	Details   map[string]any `json:"details,omitempty" doc:"What helps to go on: candidates, call, retry_after_s"`

	headers http.Header
}

// ProblemError is one of several faults of a request.
type ProblemError struct {
	Code   string `json:"code"`
	Field  string `json:"field,omitempty"`
	Detail string `json:"detail"`
}

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

func (p *Problem) Error() string { return p.Code + ": " + p.Detail }

// GetStatus implements [huma.StatusError].
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements [huma.HeadersError].
func (p *Problem) GetHeaders() http.Header { return p.headers }

// ContentType implements [huma.ContentTypeFilter].
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// faults are several things that are wrong with one input; as an error it is the first of them.
type faults []*fault.Error

func (f faults) Error() string { return f[0].Error() }
func (f faults) Unwrap() error { return f[0] }

// statusOf is the one table from a fault to an HTTP status.
func statusOf(code fault.Code) int {
	switch code {
	case fault.CodeMalformed, fault.CodeBadCharset:
		return http.StatusBadRequest
	}
	switch code.Kind() {
	case fault.Invalid:
		return http.StatusUnprocessableEntity
	case fault.Unauthenticated:
		return http.StatusUnauthorized
	case fault.Forbidden:
		return http.StatusForbidden
	case fault.NotFound:
		return http.StatusNotFound
	case fault.Ambiguous, fault.Conflict, fault.Exists, fault.NotSupported:
		return http.StatusConflict
	case fault.TooLarge:
		return http.StatusRequestEntityTooLarge
	case fault.UnsupportedMedia:
		return http.StatusUnsupportedMediaType
	case fault.Limited:
		return http.StatusTooManyRequests
	case fault.Unavailable:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// problem returns the answer for an error. The cause of an error that is ours goes to the log, and nowhere else.
func (s *Server) problem(ctx context.Context, err error) *Problem {
	q := asked(ctx)
	f := new(fault.Error)
	if !errors.As(err, &f) {
		f = &fault.Error{Code: fault.CodeInternal, Cause: err}
	}
	p := &Problem{Type: "urn:c2d:problem:" + string(f.Code), Status: statusOf(f.Code), Code: string(f.Code), RequestID: q.id,
		Title: s.say(q, f.Code), Field: f.Field, headers: http.Header{}}
	p.Detail = s.detail(q, f)
	p.headers.Set("Content-Language", q.lang)
	switch f.Code.Kind() {
	case fault.Internal:
		s.log.Log(ctx, levelOf(ctx, err, slog.LevelError), "request failed", "request_id", q.id, "error", err)
		p.Field = ""
		return p
	case fault.Unauthenticated:
		p.headers.Set("WWW-Authenticate", `Bearer realm="c2d"`)
	case fault.Unavailable:
		s.log.Log(ctx, levelOf(ctx, err, slog.LevelWarn), "request refused", "request_id", q.id, "code", p.Code, "error", err)
		p.headers.Set("Retry-After", retryAfter(f, "5"))
	case fault.Limited:
		p.headers.Set("Retry-After", retryAfter(f, "1"))
	}
	p.Details = f.Details
	var all faults
	if errors.As(err, &all) && len(all) > 1 {
		for _, one := range all {
			p.Errors = append(p.Errors, ProblemError{Code: string(one.Code), Field: one.Field, Detail: s.detail(q, one)})
		}
	}
	return p
}

// levelOf is the level of a failure, and that of a mere detail when the client has gone: a store whose query it
// interrupts calls itself unavailable.
func levelOf(ctx context.Context, err error, level slog.Level) slog.Level {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return slog.LevelDebug
	}
	return level
}

// detail is the fault's own sentence, with the field. Sentences are in English: in another language the text of the code
// comes first, for the person, and the sentence follows in brackets, for the integrator.
func (s *Server) detail(q *request, f *fault.Error) string {
	switch {
	case f.Code.Kind() == fault.Internal || f.Message == "":
		return s.say(q, f.Code)
	case q.lang == "en" && f.Field != "":
		return f.Field + ": " + f.Message
	case q.lang == "en":
		return f.Message
	case f.Field != "":
		return f.Field + "：" + s.say(q, f.Code) + "（" + f.Message + "）"
	}
	return s.say(q, f.Code) + "（" + f.Message + "）"
}

func (s *Server) say(q *request, code fault.Code) string {
	t, known := s.texts[code]
	if !known {
		t = s.texts[fault.CodeInternal]
	}
	return t.in(q.lang)
}

func retryAfter(f *fault.Error, standard string) string {
	if seconds, given := f.Details["retry_after_s"]; given {
		return fmt.Sprint(seconds)
	}
	return standard
}

// writeProblem answers outside huma.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, err error) {
	s.write(w, s.problem(r.Context(), err))
}

func (s *Server) write(w http.ResponseWriter, p *Problem) {
	for name, values := range p.headers {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that is gone is told nothing
}

// fromHuma turns what huma itself refuses into our problem; little is left to it, see doc.go.
func (s *Server) fromHuma(ctx huma.Context, _ string, v any) (any, error) {
	m, ours := v.(*huma.ErrorModel)
	if !ours {
		return v, nil
	}
	var p *Problem
	switch {
	case m.Status == http.StatusRequestEntityTooLarge:
		p = s.problem(ctx.Context(), fault.New(fault.CodeTooLarge, "the body is too large"))
	case m.Status == http.StatusUnsupportedMediaType:
		p = s.problem(ctx.Context(), fault.New(fault.CodeUnsupportedMedia, "this content type is not accepted"))
	case m.Status < 500:
		p = s.problem(ctx.Context(), fault.New(fault.CodeMalformed, "the request cannot be read"))
	default:
		p = s.problem(ctx.Context(), errors.New(m.Detail))
	}
	p.Status = m.Status // it is on the wire already
	return p, nil
}

// languageOf returns "en" or "zh-CN" for an Accept-Language header; English when neither is asked for.
func languageOf(header string) string {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil {
		return "en"
	}
	for _, t := range tags {
		switch base, _ := t.Base(); strings.ToLower(base.String()) {
		case "zh":
			return "zh-CN"
		case "en":
			return "en"
		}
	}
	return "en"
}
