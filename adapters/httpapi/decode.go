package httpapi

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/text/encoding/simplifiedchinese"

	"c2d/core/fault"
)

// What register leaves in an operation's metadata for the decoder.
const (
	metaBody   = "body"   // reflect.Type of the JSON body
	metaMedia  = "media"  // the content type of a body that is not JSON
	metaPrefix = "prefix" // query parameters with this prefix are free
)

// bodyHash is the context key of the hash of the canonical body.
type bodyHash struct{}

// importTime is how long an import may take to arrive; other requests have the server's read timeout.
const importTime = 2 * time.Minute

// decode is the strict decoder, a huma middleware: behind it the body is UTF-8 JSON that fits the operation's type.
func (s *Server) decode(ctx huma.Context, next func(huma.Context)) {
	r, w := humago.Unwrap(ctx)
	op := ctx.Operation()
	if err := errors.Join(checkPath(r, op), checkQuery(r.URL.RawQuery, op)); err != nil {
		s.writeProblem(w, r, err)
		return
	}
	t, isJSON := op.Metadata[metaBody].(reflect.Type)
	media, isOther := op.Metadata[metaMedia].(string)
	var err error
	switch {
	case isJSON:
		var hash string
		hash, err = s.readJSON(r, t)
		ctx = huma.WithValue(ctx, bodyHash{}, hash)
	case isOther:
		allowTime(http.NewResponseController(w))
		err = s.readOther(r, media)
	}
	if err != nil {
		s.writeProblem(w, r, err)
		return
	}
	next(ctx)
}

// allowTime widens the server's timeouts for an import. A recorder in a test has none: errors are ignored.
func allowTime(c *http.ResponseController) {
	_ = c.SetReadDeadline(time.Now().Add(importTime))
	_ = c.SetWriteDeadline(time.Now().Add(2 * importTime))
}

// readJSON replaces the request's body by its UTF-8 form and returns the hash of its canonical form.
func (s *Server) readJSON(r *http.Request, t reflect.Type) (hash string, err error) {
	data, err := readBody(r, "application/json", s.cfg.Limits.Body)
	if err != nil {
		return "", err
	}
	if len(data) == 0 && t.Kind() == reflect.Pointer { // a body that may be absent
		data = []byte("{}")
	}
	v, err := parseStrict(data)
	if err != nil {
		return "", err
	}
	if _, isObject := v.(map[string]any); !isObject {
		return "", fault.New(fault.CodeWrongType, "the body must be a JSON object")
	}
	if err := conform(v, t); err != nil {
		return "", err
	}
	replace(r, data, "application/json")
	return canonicalHash(v), nil
}

func (s *Server) readOther(r *http.Request, media string) error {
	data, err := readBody(r, media, s.cfg.Limits.Import)
	if err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return fault.New(fault.CodeBadCharset, "the body is not valid UTF-8; name another charset in Content-Type")
	}
	replace(r, data, media)
	return nil
}

func replace(r *http.Request, data []byte, media string) {
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
	r.Header.Set("Content-Type", media)
}

// canonicalHash is the SHA-256 of a body with sorted keys, without its request_id and without nulls at the top, which
// mean the same as an absent field. Numbers keep their spelling.
func canonicalHash(v any) string {
	body := maps.Clone(v.(map[string]any))
	maps.DeleteFunc(body, func(k string, v any) bool { return k == "request_id" || v == nil })
	b, _ := json.Marshal(body) // maps are written with sorted keys; strings, numbers and maps cannot fail
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

// hashOf returns the hash that the decoder left in the context.
func hashOf(ctx context.Context) string {
	hash, _ := ctx.Value(bodyHash{}).(string)
	return hash
}

// readBody reads at most limit bytes of the content type, in UTF-8, or converted from GB18030 and its subsets GBK and
// GB2312. An empty content type is taken as the one that is wanted.
func readBody(r *http.Request, want string, limit int64) ([]byte, error) {
	charset, err := mediaCharset(r.Header, want)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge) || int64(len(data)) > limit:
		return nil, fault.New(fault.CodeTooLarge, "the body may have %d bytes", limit)
	case err != nil:
		return nil, &fault.Error{Code: fault.CodeMalformed, Message: "the body ended early", Cause: err}
	}
	if charset == "utf-8" {
		return data, nil
	}
	converted, err := simplifiedchinese.GB18030.NewDecoder().Bytes(data)
	if err != nil || bytes.ContainsRune(converted, utf8.RuneError) {
		return nil, fault.New(fault.CodeBadCharset, "the body is not %s", charset)
	}
	return converted, nil
}

// mediaCharset checks the content type and returns its charset in lower case.
func mediaCharset(h http.Header, want string) (string, error) {
	if e := h.Get("Content-Encoding"); e != "" && e != "identity" {
		return "", fault.New(fault.CodeUnsupportedMedia, "a compressed body is not accepted")
	}
	given := h.Get("Content-Type")
	if given == "" {
		return "utf-8", nil
	}
	media, params, err := mime.ParseMediaType(given)
	if err != nil || media != want {
		return "", fault.New(fault.CodeUnsupportedMedia, "send the header Content-Type: %s, with ; charset=gb18030 if the body is not UTF-8", want)
	}
	switch charset := strings.ToLower(params["charset"]); charset {
	case "", "utf-8", "utf8":
		return "utf-8", nil
	case "gb18030", "gbk", "gb2312":
		return charset, nil
	}
	return "", fault.New(fault.CodeUnsupportedMedia, "charset must be utf-8, gb18030, gbk or gb2312")
}

var pathIDs = regexp.MustCompile(`^[A-Za-z0-9-]{1,64}$`)

// checkPath refuses what is no id of ours before a store sees it.
func checkPath(r *http.Request, op *huma.Operation) error {
	for _, p := range op.Parameters {
		if p.In == "path" && !pathIDs.MatchString(r.PathValue(p.Name)) {
			return fault.New(fault.CodeNotFound, "there is nothing by that id")
		}
	}
	return nil
}

// checkQuery refuses parameters that the operation does not have, are given twice, or have the wrong type.
func checkQuery(raw string, op *huma.Operation) error {
	q, err := url.ParseQuery(raw)
	if err != nil {
		return fault.New(fault.CodeMalformed, "the query cannot be read")
	}
	prefix, _ := op.Metadata[metaPrefix].(string)
	var c checker
	for _, name := range slices.Sorted(maps.Keys(q)) {
		at := slices.IndexFunc(op.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		field := join("", name)
		switch {
		case at < 0 && (prefix == "" || !strings.HasPrefix(name, prefix)):
			c.add(fault.CodeUnknownField, field, "there is no such parameter")
			continue
		case len(q[name]) > 1:
			c.add(fault.CodeDuplicateField, field, "is given more than once")
			continue
		case at >= 0:
			c.parameter(field, q.Get(name), op.Parameters[at].Schema.Type)
		}
		c.queryText(field, name+q.Get(name))
	}
	return c.err()
}

func (c *checker) queryText(field, s string) {
	switch {
	case !utf8.ValidString(s) || strings.ContainsRune(s, utf8.RuneError):
		c.add(fault.CodeBadCharset, field, "is not valid UTF-8")
	case strings.ContainsFunc(s, unicode.IsControl):
		c.add(fault.CodeBadCharacter, field, "holds a control character")
	}
}

func (c *checker) parameter(field, value, kind string) {
	var err error
	switch kind {
	case huma.TypeInteger:
		_, err = strconv.ParseInt(value, 10, 64)
	case huma.TypeBoolean:
		if value != "true" && value != "false" {
			err = strconv.ErrSyntax
		}
	}
	if err != nil {
		c.add(fault.CodeWrongType, field, "must be of the type %s", kind)
	}
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
