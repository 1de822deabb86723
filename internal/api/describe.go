package main

import (
	"fmt"
	"go/types"
	"regexp"
)

// A describer collects lines such as these. A type's line says what it is, the lines of its fields and methods what is in
// it, so that a new field is one new line in a diff:
//
//	const Month CalendarUnit = 3
//	func Down(systemID string, at time.Time) Observation
//	type Observation struct
//	type Observation, field SystemID string
//	type Clock interface
//	type Clock, method Now() time.Time
//	method (Window) String() string
type describer struct {
	pkg   *types.Package
	lines []string
}

func (d *describer) add(format string, args ...any) {
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// text writes what go/types would, with the short names of other packages and none for this one.
func (d *describer) text(t types.Type) string {
	return types.TypeString(t, d.qualify)
}

func (d *describer) qualify(p *types.Package) string {
	if p == d.pkg {
		return ""
	}
	return p.Name()
}

func (d *describer) object(obj types.Object) {
	switch obj := obj.(type) {
	case *types.Const:
		d.add("const %s %s = %s", obj.Name(), d.text(obj.Type()), obj.Val().ExactString())
	case *types.Var, *types.Func:
		d.add("%s", named(types.ObjectString(obj, d.qualify)))
	case *types.TypeName:
		d.typeName(obj)
	}
}

func (d *describer) typeName(obj *types.TypeName) {
	named, ok := obj.Type().(*types.Named)
	if !ok || obj.IsAlias() {
		d.add("%s", types.ObjectString(obj, d.qualify))
		return
	}
	name := obj.Name()
	head := "type " + d.text(named) // with its type parameters
	switch under := named.Underlying().(type) {
	case *types.Struct:
		d.structure(head, name, under)
	case *types.Interface:
		d.iface(head, name, under)
		return
	default:
		d.add("%s %s", head, d.text(under))
	}
	d.methods(named)
}

func (d *describer) structure(head, name string, s *types.Struct) {
	if !types.Comparable(s) {
		head += " (not comparable)"
	}
	d.add("%s struct", head)
	for f := range s.Fields() {
		switch {
		case !f.Exported():
		case f.Embedded():
			d.add("type %s, embeds %s", name, d.text(f.Type()))
		default:
			d.add("type %s, field %s %s", name, f.Name(), d.text(f.Type()))
		}
	}
}

func (d *describer) iface(head, name string, i *types.Interface) {
	if !i.IsMethodSet() {
		d.add("%s %s", head, d.text(i)) // a constraint
		return
	}
	d.add("%s interface", head)
	for m := range i.Methods() {
		if m.Exported() {
			d.add("type %s, method %s%s", name, m.Name(), d.signature(m))
		} else {
			d.add("type %s, method %s unexported: nobody else can implement it", name, m.Name())
		}
	}
}

// methods lists what can be called on a variable of the type, promoted methods too: a user cannot tell them apart.
func (d *describer) methods(named *types.Named) {
	values := types.NewMethodSet(named)
	for m := range types.NewMethodSet(types.NewPointer(named)).Methods() {
		if !m.Obj().Exported() {
			continue
		}
		recv := d.text(named)
		if values.Lookup(m.Obj().Pkg(), m.Obj().Name()) == nil {
			recv = "*" + recv
		}
		d.add("method (%s) %s%s", recv, m.Obj().Name(), d.signature(m.Obj().(*types.Func)))
	}
}

// The compiler names the results of a function that returns from the body of a loop over a function.
var (
	oneUnnamed  = regexp.MustCompile(`\(#rv1 ([^,()]*(?:\([^()]*\))?[^,()]*)\)$`)
	manyUnnamed = regexp.MustCompile(`#rv\d+ `)
)

// signature writes parameters with their names: they are part of what a reader of the documentation understands.
func (d *describer) signature(f *types.Func) string {
	return named(types.TypeString(f.Signature(), d.qualify)[len("func"):])
}

// named leaves out the names that the compiler gave.
func named(text string) string {
	return manyUnnamed.ReplaceAllString(oneUnnamed.ReplaceAllString(text, "$1"), "")
}
