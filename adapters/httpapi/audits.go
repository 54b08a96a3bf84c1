package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"c2d/core/access"
	"c2d/core/audit"
	"c2d/core/fault"
)

func (s *Server) auditOperations() {
	register(s, operation(http.MethodGet, "/v1/audit", "list-audit", "The audit log, oldest first"), s.listAudit)
	register(s, operation(http.MethodGet, "/v1/audit/verify", "verify-audit", "Whether the chain of the audit log is whole"), s.verifyAudit)
}

type auditView struct {
	Seq        int64  `json:"seq"`
	At         stamp  `json:"at"`
	KeyID      string `json:"key_id"`
	UserID     string `json:"user_id,omitempty"`
	OnBehalfOf string `json:"on_behalf_of,omitempty"`
	Address    string `json:"address,omitempty"`
	RequestID  string `json:"request_id,omitempty"`
	Action     string `json:"action"`
	Target     string `json:"target,omitempty"`
	Result     string `json:"result" doc:"ok, or the code of the refusal"`
	Prev       string `json:"prev"`
	Hash       string `json:"hash"`
}

func viewEntry(e audit.Entry) auditView {
	return auditView{Seq: e.Seq, At: stamp(e.At), KeyID: e.KeyID, UserID: e.UserID, OnBehalfOf: e.OnBehalfOf, Address: e.Address,
		RequestID: e.RequestID, Action: e.Action, Target: e.Target, Result: e.Result, Prev: e.Prev, Hash: e.Hash}
}

type listAuditInput struct{ Paged }

func (s *Server) listAudit(ctx context.Context, a access.Actor, in *listAuditInput) (*output[list[auditView]], error) {
	if err := a.May(access.ReadAudit); err != nil {
		return nil, err
	}
	p := in.page()
	if err := p.Check(); err != nil {
		return nil, err
	}
	after := int64(0)
	if p.After != "" {
		var err error
		if after, err = strconv.ParseInt(p.After, 10, 64); err != nil || after < 0 {
			return nil, fault.Field(fault.CodeBadCursor, "cursor", "is not a cursor of this list")
		}
	}
	entries, err := s.deps.Audit.Entries(ctx, a.Tenant, after, p.Limit)
	if err != nil {
		return nil, err
	}
	next := ""
	if len(entries) == p.Limit {
		next = strconv.FormatInt(entries[len(entries)-1].Seq, 10)
	}
	return page(entries, next, viewEntry), nil
}

type chainView struct {
	OK      bool  `json:"ok"`
	Entries int64 `json:"entries" doc:"That fit"`
	Broken  int64 `json:"broken,omitempty" doc:"The first that does not"`
}

func (s *Server) verifyAudit(ctx context.Context, a access.Actor, _ *struct{}) (*output[chainView], error) {
	if err := a.May(access.ReadAudit); err != nil {
		return nil, err
	}
	n, broken, err := audit.Verify(ctx, s.deps.Audit, a.Tenant)
	if err != nil {
		return nil, err
	}
	return &output[chainView]{Body: chainView{OK: broken == 0, Entries: n, Broken: broken}}, nil
}
