package bench

import (
	"testing"
	"time"
)

func TestTheScenarioOfOverloadRuns(t *testing.T) {
	program := buildProgram(t)
	report, err := measure(t.Context(), options{program: program, nodes: 1, scenarios: []string{"overload"}, during: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range report.Scenarios {
		if s.Error != "" {
			t.Errorf("%s: %s", s.Name, s.Error)
		}
		if len(s.Rows) != 5 {
			t.Errorf("%d figures, want 5", len(s.Rows))
		}
		t.Log(s.Rows, s.Notes)
	}
}
