package postgres

import "fmt"

// StatementTexts returns the statements as they are for a schema, by name.
func StatementTexts(schema string) map[string]string {
	names := map[string]statement{
		"begin": begin, "commit": commit, "addLocks": addLocks, "lockHeads": lockHeads, "headList": headList,
		"headPage": headPage, "putHeads": putHeads, "endIntervals": endIntervals, "beginIntervals": beginIntervals,
		"intervalPage": intervalPage, "putOutbox": putOutbox, "relay": relay, "feedEnd": feedEnd,
		"changePage": changePage, "trimChanges": trimChanges, "trimIntervals": trimIntervals,
		"groupPositions": groupPositions, "addGroup": addGroup, "setPosition": setPosition, "putPending": putPending,
		"deletePending": deletePending, "pendingPage": pendingPage, "pendingPageOf": pendingPageOf,
		"dropGroup": dropGroup, "dropPending": dropPending, "watchList": watchList, "watchPage": watchPage,
		"putWatch": putWatch, "dropWatch": dropWatch, "newestToken": newestToken, "takeLeases": takeLeases,
		"releaseLeases": releaseLeases, "leasePage": leasePage, "notify": notify, "putFacts": putFacts,
		"addFactSystems": addFactSystems, "addSourceSystems": addSourceSystems, "factsOf": factsOf,
		"factsFrom": factsFrom, "lockFacts": lockFacts, "deleteSharedFacts": deleteSharedFacts, "keepSharedFacts": keepSharedFacts,
		"deleteFacts": deleteFacts, "deleteSourceSystems": deleteSourceSystems, "deleteHistories": deleteHistories,
		"bumpVersions": bumpVersions, "readVersions": readVersions, "putRecords": putRecords,
		"addRecords": addRecords, "getRecords": getRecords, "recordPage": recordPage, "recordPageTo": recordPageTo,
		"recordPageBack": recordPageBack, "recordPageBackTo": recordPageBackTo, "deleteRecords": deleteRecords,
		"deleteUnder": deleteUnder, "readHistories": readHistories, "putHistories": putHistories,
	}
	texts := textsFor(schema)
	byName := make(map[string]string, len(texts))
	for name, s := range names {
		byName[name] = texts[s]
	}
	if len(byName) != len(texts) {
		panic(fmt.Sprintf("%d of %d statements have a name here", len(byName), len(texts)))
	}
	return byName
}
