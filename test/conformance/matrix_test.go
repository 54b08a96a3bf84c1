package main

import (
	"strings"
	"testing"
)

// drawn reads events and returns the matrix and what was written about failures.
func drawn(t *testing.T, lines ...string) (*matrix, string) {
	t.Helper()
	m := newMatrix([]string{"happy path", "the caller is busy", "recording"})
	var failures strings.Builder
	if err := m.read(strings.NewReader(strings.Join(lines, "\n")), &failures); err != nil {
		t.Fatal(err)
	}
	return m, failures.String()
}

const passed = `{"Action":"pass","Test":"TestConformance/native_SIP/happy_path"}`

func TestMatrix(t *testing.T) {
	m, _ := drawn(t,
		`{"Action":"output","Test":"TestConformance/native_SIP","Output":"    run.go:1: conformance peer: baresip 1.0.0\n"}`,
		passed,
		`{"Action":"output","Test":"TestConformance/native_SIP/the_caller_is_busy","Output":"  coarse: busy is told as rejected\n"}`,
		`{"Action":"pass","Test":"TestConformance/native_SIP/the_caller_is_busy"}`,
		`{"Action":"output","Test":"TestConformance/native_SIP/recording","Output":"  not supported: recording\n"}`,
		`{"Action":"skip","Test":"TestConformance/native_SIP/recording"}`,
		`{"Action":"pass","Test":"TestConformance/native_SIP"}`,
		`{"Action":"pass","Test":"TestOther/native_SIP/happy_path"}`,
	)
	if err := m.verdict(); err != nil {
		t.Error(err)
	}
	want := `# Call control: behaviour x backend

- native SIP (baresip 1.0.0): 1 pass, 1 coarse, 0 fail, 1 not supported, 0 did not run

| behaviour | native SIP |
|---|---|
| happy path | pass |
| the caller is busy | pass (coarse) |
| recording | not supported |

- native SIP, the caller is busy: coarse: busy is told as rejected
- native SIP, recording: not supported: recording
`
	if got := m.markdown(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// TestOnlyAWholeColumnPasses: a cell that failed, was cut off, or was skipped for another reason is no pass.
func TestOnlyAWholeColumnPasses(t *testing.T) {
	busy := `"Test":"TestConformance/native_SIP/the_caller_is_busy"}`
	recording := `{"Action":"pass","Test":"TestConformance/native_SIP/recording"}`
	for name, lines := range map[string][]string{
		"failed":  {passed, `{"Action":"output","Output":"wrong\n",` + busy, `{"Action":"fail",` + busy, recording},
		"cut off": {passed, `{"Action":"run",` + busy, recording},
		"skipped": {passed, `{"Action":"skip",` + busy, recording},
		"nothing": {`{"Action":"pass","Test":"TestOther"}`},
	} {
		t.Run(name, func(t *testing.T) {
			m, failures := drawn(t, lines...)
			if m.verdict() == nil {
				t.Errorf("passed:\n%s", m.markdown())
			}
			if name == "failed" && failures != "--- native SIP: the caller is busy\nwrong\n" {
				t.Errorf("told of the failure: %q", failures)
			}
		})
	}
}

// TestAColumnIsLeftOut: real peers that are not installed make no column, and the reader is told how to get them.
func TestAColumnIsLeftOut(t *testing.T) {
	m, told := drawn(t, passed, `{"Action":"pass","Test":"TestConformance/native_SIP/the_caller_is_busy"}`, `{"Action":"skip","Test":"TestConformance/native_SIP/recording"}`,
		`{"Action":"output","Test":"TestConformance","Output":"    baresip is not installed\n"}`, `{"Action":"skip","Test":"TestConformance"}`)
	if len(m.columns) != 1 || told != "a column is left out:\n    baresip is not installed\n" {
		t.Errorf("columns %q, told %q", m.columns, told)
	}
}

func TestBuildErrorsAreTold(t *testing.T) {
	_, failures := drawn(t, `{"Action":"build-output","Output":"a.go:1: syntax error\n"}`)
	if failures != "a.go:1: syntax error\n" {
		t.Errorf("%q", failures)
	}
}
