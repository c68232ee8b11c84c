package chaos

import (
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"
)

// trial is what the commands have in common that start a Parley, have people use it, and judge.
type trial struct {
	Options
	bug string // that is planted; "" for none
}

// reportFlag, smallFlags, seedFlag and bugFlag are the flags that several of them have.
func (t *trial) reportFlag(flags *pflag.FlagSet) {
	flags.StringVar(&t.Folder, "report", "", "the folder of the report (default: one in the temp folder)")
}

func (t *trial) smallFlags(flags *pflag.FlagSet) {
	flags.IntVar(&t.Cluster.Nodes, "nodes", 3, "how many nodes the cluster has, 2 or more")
	programFlag(flags, &t.Cluster)
}

func (t *trial) seedFlag(flags *pflag.FlagSet, draws string) {
	flags.Uint64Var(&t.Seed, "seed", 0, "draws "+draws+"; 0 draws a seed, which is printed")
}

func (t *trial) bugFlag(flags *pflag.FlagSet) {
	flags.StringVar(&t.bug, "bug", "", "plant one of the known bugs of parley-chaos bugs; it needs Go and the source")
}

// draw draws a seed where none is given.
func (t *trial) draw() {
	if t.Seed == 0 {
		t.Seed = rand.Uint64N(1 << 32)
	}
}

// keep names a folder for the report where none is given.
func (t *trial) keep(what string, number any) {
	if t.Folder == "" {
		t.Folder = filepath.Join(os.TempDir(), fmt.Sprintf("parley-chaos-%s-%v", what, number))
	}
}

// choose says which program is started: one with a bug, or the one that is there.
func (t *trial) choose() (err error) {
	if t.bug != "" {
		return t.plant(t.bug)
	}
	t.Cluster.Program, err = binary(t.Cluster.Program)
	return err
}

// outcome is a report, of whatever kind.
type outcome interface {
	Print(io.Writer)
	OK() bool
}

// tell prints a report, and where the record is.
func (t *trial) tell(report outcome) {
	report.Print(t.Out)
	fmt.Fprintf(t.Out, "The whole record is in %s\n", t.Folder)
}

// verdict is how the command ends.
func verdict(report outcome) error {
	if !report.OK() {
		return errBroken
	}
	return nil
}
