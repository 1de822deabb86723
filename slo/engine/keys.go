package engine

import (
	"github.com/slokeep/slokeep/storage"
)

// Kinds of versions.
const (
	versionSystem    = "system"    // of what is known of a system
	versionObjective = "objective" // of an objective's record
)

// Kinds of records, and what their keys are.
const (
	recordObjective   = "objective"   // objective
	recordMember      = "member"      // system, objective on it
	recordName        = "name"        // system
	recordDependent   = "dependent"   // upstream, system that has ever depended on it
	recordTouched     = "touched"     // system, version that the touch made
	recordProgress    = "progress"    // objective
	recordDay         = "day"         // objective, date
	recordAchievement = "achievement" // system, type
	recordMilestone   = "milestone"   // instant, system and type
	recordDigest      = "digest"      // week
	recordStore       = "store"       // "identity": what tells this store from others, where there is a shared cache
)

func systemVersion(id string) storage.VersionKey {
	return storage.VersionKey{Kind: versionSystem, ID: id}
}

func objectiveVersion(id string) storage.VersionKey {
	return storage.VersionKey{Kind: versionObjective, ID: id}
}

// ordered is a version as text that sorts as the number does.
func ordered(version int64) string {
	text := [19]byte{}
	for i := len(text) - 1; i >= 0; i-- {
		text[i] = '0' + byte(version%10)
		version /= 10
	}
	return string(text[:])
}
