package store

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgtype"

	"github.com/parley-chat/parley/internal/pgtest"
)

// planPartitions are few, so that each is full enough that a planner has a choice.
const planPartitions = 4

// byPerson are steps that ask for all conversations of people, which are everywhere.
var byPerson = map[string]bool{"interests": true}

func TestOnSpreadTablesTheMessagePathLooksIntoThePartitionsOfItsConversationsOnly(t *testing.T) {
	url := pgtest.NewDatabase(t)
	p := newPlanned(t, Config{DatabaseURL: url}, "pgx", url, planPartitions)
	onPath := p.walk(t)
	statements := p.leanStatements()
	for _, st := range p.r.seen {
		// A row that is inserted goes where it belongs, and it is there already.
		if onPath[st.step] && !byPerson[st.step] && !strings.HasPrefix(st.query, "INSERT") {
			statements = append(statements, st)
		}
	}
	looked := 0
	for _, st := range statements {
		// As it is planned the first times, and as it may be once PostgreSQL keeps one plan for all arguments.
		for _, mode := range []string{"force_custom_plan", "force_generic_plan"} {
			if mode == "force_generic_plan" && regexp.MustCompile(`= ANY \(\$`).MatchString(st.query) {
				// PostgreSQL 15 cannot tell the partitions of an array that it does not know yet. It sees that by
				// the cost, and plans such a statement anew each time.
				continue
			}
			plan := p.execute(t, st, mode)
			lean := strings.Contains(st.step, "leanly")
			if bad := slowStep.FindString(st.withoutOwnSort(plan)); bad != "" && !(lean && strings.HasPrefix(bad, "Sort")) {
				t.Errorf("%s: %s\n%s\n%s", st.step, bad, st.query, plan)
			}
			allowed := p.partitionsOf(t, st.args)
			for line := range strings.Lines(plan) {
				scanned := scanOfPartition.FindStringSubmatch(line)
				if scanned == nil || strings.Contains(line, "never executed") {
					continue
				}
				looked++
				if !allowed[scanned[1]] {
					t.Errorf("%s looks into partition %s, its conversations are in %v (%s)\n%s\n%s", st.step, scanned[1], allowed, mode, st.query, plan)
					break
				}
			}
		}
	}
	if looked < 30 {
		t.Errorf("only %d looks into partitions were seen", looked)
	}
}

// slowStep is slow for a plan that has run. A merge of sorted partitions has a sort key and sorts nothing.
var slowStep = regexp.MustCompile(`Seq Scan on|Sort \(`)

var scanOfPartition = regexp.MustCompile(`Scan.* on (?:messages|conversation_participants|read_receipts)_p(\d+)`)

// execute is the plan of a statement with what happened when it ran, which is taken back.
func (p *planned) execute(t *testing.T, st statement, mode string) string {
	t.Helper()
	tx, err := p.raw.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	if _, err := tx.Exec("SET LOCAL plan_cache_mode = " + mode); err != nil {
		t.Fatal(err)
	}
	lines, err := ids[string](t.Context(), session{run: tx, patience: patience}, "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) "+st.query, st.args...)
	if err != nil {
		t.Fatalf("%s: %v\n%s", st.step, err, st.query)
	}
	return strings.Join(lines, "\n")
}

// partitionsOf are those that hold the conversations among the arguments.
func (p *planned) partitionsOf(t *testing.T, args []any) map[string]bool {
	t.Helper()
	var named []string
	for _, arg := range args {
		switch v := arg.(type) {
		case []string:
			named = append(named, v...)
		case []pgtype.UUID:
			for _, id := range v {
				named = append(named, id.String())
			}
		default:
			named = append(named, fmt.Sprint(v))
		}
	}
	found, err := ids[string](t.Context(), session{run: p.raw, patience: patience}, `SELECT DISTINCT substring(tableoid::regclass::text FROM '_p(\d+)$') FROM conversation_participants WHERE conversation_id::text = ANY ($1)`, named)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]bool)
	for _, partition := range found {
		out[partition] = true
	}
	if len(out) == 0 {
		t.Fatalf("no conversation is among %v", named)
	}
	return out
}
