"""Every refusal of a job's data and of its artifact, with the test that causes it; none can be added without a line here.

Which test causes which was found by tracing where the errors are made.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import relearn
from tests.support import words_of_refusals

ROOT = Path(relearn.__file__).parents[1]
SAID = {"DataError": 1, "ArtifactError": 0}
CAUSED: dict[str, str] = {
    "lambdas/aws/fast/artifacts.py: … cannot be read: S3 answers …": "tests/moto/test_host.py::test_one_that_is_gone_says_so_and_is_found_when_it_is_back",
    "lambdas/aws/fast/artifacts.py: … has SHA-256 …; the ledger says …": "tests/moto/test_host.py::test_an_artifact_that_is_not_what_was_judged_is_not_even_unpacked",
    "lambdas/aws/fast/artifacts.py: … has more than … bytes, the most allowed here": "tests/moto/test_host.py::test_an_archive_that_is_too_large_is_refused_without_reading_it_all",
    "lambdas/aws/s3/ranged_reader.py: … is not in the bucket": "tests/moto/test_publish.py::test_a_file_that_is_not_there_fails_the_run",
    "lambdas/aws/s3/ranged_reader.py: … was written anew while it was read": "tests/moto/test_publish.py::test_a_file_that_is_written_anew_meanwhile_is_not_read_on",
    "lambdas/aws/s3/storage.py: … has … bytes; allowed: …": "tests/moto/test_adapters.py::test_more_bytes_than_allowed_are_not_read",
    "lambdas/aws/s3/storage.py: … is not in the bucket": "tests/moto/test_adapters.py::test_reading_what_is_not_there_says_so",
    "lambdas/batches/results.py: the transform job did not answer one line for each line of the file": "tests/moto/test_batches.py::test_a_job_that_did_not_answer_line_by_line_fails_the_batch",
    "lambdas/runs/deployment.py: nobody wrote down what was judged of version … of …, which is older than that: it is not deployed again; retrain": "tests/moto/test_loop.py::test_a_version_of_which_nobody_wrote_down_what_was_judged_is_not_deployed_again",
    "lambdas/runs/deployment.py: … was changed since it was judged: it has SHA-256 …, and had …; it is not deployed. Look who changed it, then retrain": "tests/moto/test_loop.py::test_an_artifact_that_was_changed_after_it_was_judged_is_not_deployed",
    "lambdas/serving/in_process_models.py: the ledger does not know it": "tests/moto/test_host.py::test_a_version_that_the_ledger_does_not_know_is_none",
    "lambdas/runs/judgement.py: the job left …; expected …": "tests/moto/test_loop.py::test_an_artifact_of_another_job_is_not_judged",
    "lambdas/runs/judgement.py: … is not what the job measured: its digest is …, and the report says …": "tests/moto/test_loop.py::test_an_artifact_that_the_job_did_not_measure_is_not_judged",
    "lambdas/runs/publication.py: the online features have two lines of the same …": "tests/moto/test_publish.py::test_an_entity_that_has_two_lines_fails_the_run",
    "lambdas/runs/publication.py: the report of run … tells of no online features": "tests/moto/test_publish.py::test_a_report_that_tells_of_no_features_fails_the_run",
    "lambdas/runs/publication.py: … of … is …; …": "tests/moto/test_publish.py::test_a_file_that_is_not_what_the_report_says_fails_the_run_and_leaves_the_champion_alone",
    "lambdas/runs/job_report.py: metric … is …, not a number": "tests/unit/lambdas/test_pure.py::test_a_report_that_is_not_as_agreed_is_refused",
    "lambdas/runs/job_report.py: the job's output has no …": "tests/unit/lambdas/test_pure.py::test_only_regular_files_are_read",
    "lambdas/runs/job_report.py: the report compares with version …, not with …": "tests/unit/lambdas/test_pure.py::test_a_report_that_compares_with_another_champion_is_refused",
    "lambdas/runs/job_report.py: the report is not as agreed: …": "tests/unit/lambdas/test_pure.py::test_a_report_that_is_not_as_agreed_is_refused",
    "lambdas/runs/job_report.py: … in the report is …; this run's is …": "tests/unit/lambdas/test_pure.py::test_a_report_about_something_else_is_refused",
    "lambdas/runs/smoke_test.py: … has SHA-256 …; when it was judged it had …": "tests/unit/lambdas/test_steps.py::test_answers_that_changed_since_the_version_was_judged_are_refused",
    "relearn/records/online_features.py: a line of the online features is not as agreed: …": "tests/unit/relearn/test_online_features.py::test_a_line_that_is_not_as_agreed_is_refused",
    "relearn/records/online_features.py: a line of the online features has …; allowed: …, …": "tests/moto/test_publish.py::test_a_line_that_is_not_as_agreed_fails_the_run",
    "training/fitting/agreement.py: the ONNX model disagrees with the estimator on … of … rows (largest difference …; allowed: …, …); it is not served. …": "tests/unit/training/test_export.py::test_histogram_boosting_as_skl2onnx_leaves_it_is_refused",
    "scoring/artifact.py: the artifact has no …": "tests/unit/scoring/test_artifact.py::test_a_file_elsewhere_in_an_archive_is_not_the_model",
    "scoring/artifact.py: the artifact has the digest …; what was judged has …: … or … was changed since. Roll back, then retrain": "tests/unit/scoring/test_serve.py::test_a_description_that_is_not_the_one_that_was_judged_is_never_served",
    "scoring/artifact.py: the artifact in … cannot be read: …": "tests/unit/scoring/test_artifact.py::test_an_artifact_without_a_file_is_refused",
    "scoring/artifact.py: the spec in … does not have the digest …": "tests/unit/scoring/test_artifact.py::test_a_description_that_does_not_fit_is_refused",
    "scoring/artifact.py: … has SHA-256 …, but … says …": "tests/unit/scoring/test_artifact.py::test_a_graph_that_was_changed_is_refused",
    "scoring/artifact.py: … has format …; allowed: …": "tests/unit/scoring/test_artifact.py::test_a_description_that_does_not_fit_is_refused",
    "scoring/artifact.py: … is a link; allowed: a file": "tests/unit/scoring/test_artifact.py::test_a_link_in_a_folder_is_refused",
    "scoring/artifact.py: … is not a model's description: …": "tests/unit/scoring/test_artifact.py::test_a_description_that_does_not_fit_is_refused",
    "scoring/artifact.py: … lists classes …; its spec has …": "tests/unit/scoring/test_artifact.py::test_a_description_that_does_not_fit_is_refused",
    "training/job/backfill.py: table … of … has no row": "tests/unit/training/test_backfill.py::test_data_that_is_not_known_yet_is_no_data",
    "training/job/champion.py: the artifact of the champion, version …, was changed since it was judged: it has SHA-256 …, and had …. Nothing is compared with it: look who changed it, roll back, then retry": "tests/unit/training/test_champion.py::test_one_whose_description_was_changed_with_all_its_parts_in_agreement_is_not_compared_with",
    "training/job/snapshot.py: the shards do not fit the spec of …: …": "tests/unit/training/test_dataset.py::test_a_damaged_shard_is_refused",
    "training/job/snapshot.py: the snapshot has no shard: nothing to train … on": "tests/unit/training/test_dataset.py::test_a_snapshot_without_shards_is_refused",
    "training/job/snapshot.py: … of … rows have no …, which the spec demands; declare it optional, or upload the data again with it": "tests/unit/training/test_dataset.py::test_a_column_the_spec_demands_must_have_a_value_in_every_row",
    "training/features/build.py: no moment to learn from: table … …; needed: the first of a month with … days of it before and … after": "tests/unit/training/test_reuse.py::test_data_with_no_moment_to_learn_from_is_refused_with_its_reach",
    "training/features/build.py: table … has … rows with … …; allowed: one. A file that replaces another is uploaded under the other's name": "tests/unit/training/test_features.py::test_a_key_that_comes_twice_is_refused",
    "training/features/build.py: the features of … cannot be made: …": "tests/unit/training/test_features.py::test_values_that_break_the_spec_are_refused_and_shown",
    "training/features/build.py: the features of … have no row: is there enough data before and after every as_of?": "tests/unit/training/test_features.py::test_a_feature_set_without_rows_is_refused",
    "training/features/build.py: the snapshot of … has no shard of table …": "tests/unit/training/test_features.py::test_a_table_without_a_shard_is_named",
    "training/features/check.py: the features of … break its spec: …": "tests/unit/training/test_features.py::test_values_that_break_the_spec_are_refused_and_shown",
    "training/features/shards.py: the shards of table … do not fit its columns: …": "tests/unit/training/test_features.py::test_a_damaged_shard_names_its_table",
    "training/features/shards.py: …; declare it optional, or upload the data again with it": "tests/unit/training/test_features.py::test_a_shard_from_before_a_column_lacks_it_when_it_is_optional_and_is_refused_when_not",
    "training/fitting/fit.py: the estimator of … cannot learn from rows without … (…); put an imputer (SimpleImputer) before it in the pipeline, or make the column required": "tests/unit/training/test_coverage.py::test_an_estimator_that_can_not_learn_of_missing_values_is_refused_by_the_column",
    "scoring/graph_files.py: a tensor of … lies in another file; allowed: within …": "tests/unit/scoring/test_graph_files.py::test_a_tensor_in_another_file_is_refused_and_one_within_is_not",
    "scoring/graph_files.py: … is no ONNX graph": "tests/unit/scoring/test_graph_files.py::test_what_can_not_be_followed_is_refused_when_it_might_name_a_file",
    "training/data/leakage.py: … says … in each of … rows: a request cannot know it; allowed: columns that are known before the target is. Take it out of the spec, or upload what was known": "tests/unit/training/test_leakage.py::test_a_feature_that_says_the_target_in_every_row_is_refused_by_name",
    "training/data/learnt.py: … has format …; allowed: …": "tests/unit/training/test_sides.py::test_a_damaged_record_is_refused",
    "training/data/learnt.py: … is not a record of what was learnt: …": "tests/unit/training/test_sides.py::test_a_damaged_record_is_refused",
    "training/fitting/onnx_export.py: graph input … is …; allowed: … for all features when all are float32, or one per feature of its own type (…)": "tests/unit/training/test_export.py::test_an_export_with_an_input_that_is_no_feature_is_refused",
    "training/fitting/onnx_export.py: graph outputs have types …; allowed: …": "tests/unit/training/test_export.py::test_an_export_with_other_outputs_is_refused",
    "training/fitting/onnx_export.py: skl2onnx cannot convert the estimator: …": "tests/unit/training/test_export.py::test_an_estimator_that_can_not_be_converted_is_refused",
    "training/fitting/ranking/agreement.py: the ONNX model disagrees with the library on … of … rows (largest difference …; allowed: …, the same items); it is not served": "tests/unit/training/test_ranking_agreement.py::test_a_score_that_is_off_is_refused",
    "training/fitting/ranking/agreement.py: the ONNX model does not answer a request with … … and … … by …, as it would alone; it is not served": "tests/unit/training/test_ranking_agreement.py::test_every_kind_of_request_is_answered_its_way_also_beside_names_that_nobody_has",
    "training/fitting/ranking/evaluation_set.py: of … visitors held out … met an item that they had not met before; needed: …, to measure recommendations; upload more": "tests/unit/training/test_ranking_evaluation_set.py::test_too_few_visitors_who_met_something_new_are_refused",
    "training/fitting/ranking/fit.py: the factorisation of … found factors that are not finite": "tests/unit/training/test_ranking_agreement.py::test_factors_that_are_not_finite_are_refused",
    "training/fitting/ranking/fit.py: …/model.py: build gave a model whose user_factors and item_factors have the shapes …; allowed: a matrix factorisation of implicit with factors of … visitors and … items": "tests/unit/training/test_ranking_agreement.py::test_a_model_without_factors_of_everybody_is_refused",
    "training/fitting/ranking/task.py: the split keeps none of … rows for …; upload more": "tests/unit/training/test_ranking_evaluation_set.py::test_nothing_held_out_is_refused",
    "training/fitting/ranking/task.py: there are … different …s to recommend; needed: more than the … of an answer": "tests/unit/training/test_ranking_evaluation_set.py::test_no_more_items_than_an_answer_has_are_refused",
    "training/fitting/ranking/task.py: … of … rows have a … of 0; needed: above 0": "tests/unit/training/test_ranking_evaluation_set.py::test_a_weight_of_nothing_is_refused",
    "scoring/scorer.py: onnxruntime does not load the model: …": "tests/unit/scoring/test_artifact.py::test_a_graph_that_onnxruntime_does_not_know_is_refused",
    "scoring/scorer.py: the model does not take what its tokeniser gives: …": "tests/unit/scoring/test_tokens.py::test_a_graph_with_a_damaged_tokeniser_does_not_load",
    "scoring/scorer.py: the model takes …, which is no input of its spec": "tests/unit/scoring/test_artifact.py::test_an_input_that_the_spec_lacks_is_refused_before_it_serves",
    "scoring/tokeniser.py: the tokeniser of the model is damaged: … is …; allowed: …": "tests/unit/scoring/test_text.py::test_a_damaged_tokeniser_is_refused_by_the_name_of_what_is_wrong",
    "scoring/tokeniser.py: the tokeniser of the model is not JSON: …": "tests/unit/scoring/test_text.py::test_what_is_no_tokeniser_is_refused",
    "scoring/tokens.py: the model takes tokens, but has no … in its metadata": "tests/unit/scoring/test_tokens.py::test_a_graph_without_its_tokeniser_does_not_load",
    "scoring/tokens.py: the tokeniser takes …, the model …": "tests/unit/scoring/test_tokens.py::test_a_graph_with_a_damaged_tokeniser_does_not_load",
    "lambdas/runs/job_report.py: the report does not compare the candidate with what is popular": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_report_on_a_ranking_compares_it_with_what_is_popular",
    "lambdas/runs/job_report.py: what the report says of the reference is not as agreed: …": "tests/unit/lambdas/test_pure.py::test_a_reference_that_is_not_as_agreed_is_refused",
    "scoring/artifact.py: … was not read": "tests/unit/scoring/test_artifact.py::test_a_server_has_not_read_what_was_judged",
    "lambdas/runs/job_report.py: what the report says of the simplest method is not as agreed: …": "tests/unit/rules/test_refusals_of_artifacts.py::test_what_a_report_says_of_the_simplest_method_is_as_agreed",
    "relearn/data/snapshots.py: … uploads; allowed: …; upload fewer, larger files": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_snapshot_of_more_uploads_than_a_run_can_list_is_refused",
    "scoring/artifact.py: … cannot be read: …": "tests/unit/rules/test_refusals_of_artifacts.py::test_an_archive_that_is_not_there_is_refused",
    "scoring/artifact.py: … has … bytes; allowed: …": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_file_of_an_artifact_that_is_too_large_is_refused_unread",
    "scoring/encode.py: there is no time zone …; allowed: …": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_zone_that_no_rules_know_is_refused_by_the_server",
    "training/features/spark_job.py: the snapshot of … has no shard of table …": "tests/spark/test_spark_job.py::test_a_snapshot_without_a_table_is_refused",
    "training/fitting/fit.py: the estimator of … has no predict_proba; answers name probabilities": "tests/unit/rules/test_refusals_of_artifacts.py::test_an_estimator_that_can_not_answer_for_every_class_is_refused",
    "training/fitting/fit.py: the estimator of … knows …": "tests/unit/rules/test_refusals_of_artifacts.py::test_an_estimator_that_can_not_answer_for_every_class_is_refused",
    "scoring/scorer.py: … in the model's metadata is …; allowed: 1 to …": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_graph_that_takes_no_number_of_rows_at_once_is_refused",
    "training/fitting/tabular.py: … has …; allowed: one of …": "tests/unit/training/test_dataset.py::test_a_label_of_features_that_the_spec_does_not_know_is_refused",
    "training/fitting/tabular.py: …, none of them …; upload more rows of it": "tests/unit/training/test_dataset.py::test_a_side_without_a_class_is_refused",
    "training/fitting/tabular.py: …: too few rows to train and to measure; upload more": "tests/unit/training/test_dataset.py::test_rows_that_are_all_the_same_leave_nothing_to_measure_on_and_are_refused",
    "scoring/artifact.py: … has a … of …; allowed: one of two classes": "tests/unit/scoring/test_artifact.py::test_a_description_that_does_not_fit_is_refused",
    "scoring/artifact.py: … has the … …; allowed: a float32 above 0, at most 1": "tests/unit/scoring/test_artifact.py::test_a_description_that_does_not_fit_is_refused",
    "scoring/artifact.py: … has … …; allowed: a finite number above 0, or null": "tests/unit/scoring/test_artifact.py::test_a_description_that_does_not_fit_is_refused",
    "lambdas/runs/publication.py: a line of … has no end within … bytes": "tests/moto/test_publish.py::test_a_line_that_is_longer_than_a_block_is_refused",
    "training/job/backfill.py: got … to …; allowed: … to …, from the first to the last row of table … that is known by now": "tests/unit/training/test_backfill.py::test_what_can_not_be_made_is_refused_with_what_is_allowed",
    "training/job/backfill.py: the features of … have no row at any of these moments": "tests/unit/training/test_backfill.py::test_moments_before_anybody_was_there_are_refused",
    "training/features/given.py: Spark left no … features of …": "tests/unit/rules/test_refusals_of_artifacts.py::test_features_that_spark_did_not_leave_are_refused",
    "training/features/spark.py: the features of … cannot be made: …": "tests/spark/test_spark_job.py::test_an_expression_that_fails_on_the_data_says_how",
    "training/features/spark.py: the shards of table … do not fit its columns: …": "tests/spark/test_spark_job.py::test_a_shard_that_is_damaged_names_its_table",
    "training/fitting/ranking/agreement.py: the ONNX model does not answer nobody with what is popular; it is not served": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_graph_that_knows_other_items_as_popular_is_refused",
    "training/job/recorded.py: the model fails at held-out row … of the … that it is asked, which has …; the job's log has the traceback": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_model_that_fails_at_a_row_that_was_held_out_is_refused_without_the_values",
    "scoring/scorer.py: the model takes … and other inputs; allowed: … alone": "tests/unit/rules/test_refusals_of_artifacts.py::test_a_graph_that_takes_more_than_tokens_is_refused",
    "training/fitting/weights.py: the estimator of …, …, takes no …, so half_life_days=… cannot weigh its rows; allowed: an estimator whose fit() takes it, alone, at the end of a Pipeline, or in a TransformedTargetRegressor": "tests/unit/training/test_weights.py::test_an_estimator_that_takes_no_weights_is_refused_with_what_would_take_them",
}  # fmt: skip
"""File and words, "…" for what is formatted into them, to the test."""
QUOTED = 12
"""Characters of a refusal that its test says: more than "; allowed: " has, which most refusals say."""


def refusals() -> Iterator[str]:
    """Give file and words of every refusal; those of files have a table of their own."""
    for room in ("training", "scoring", "pages", "lambdas", "relearn"):
        for path in sorted((ROOT / room).rglob("*.py")):
            if not {"models"} & set(path.relative_to(ROOT).parts):
                for words in words_of_refusals.said(path, SAID):
                    yield f"{path.relative_to(ROOT).as_posix()}: {words}"


def test_every_refusal_in_the_code_has_a_line_and_every_line_a_refusal() -> None:
    assert set(refusals()) == CAUSED.keys()


def test_every_test_that_is_named_exists_and_quotes_its_refusal() -> None:
    silent = [(words, named) for words, named in CAUSED.items() if not _quotes(_source(named), words)]
    assert silent == []


@cache
def _tests(file: str) -> dict[str, str]:
    """Give the source of each test of a file, with what it is parametrised by and without the escapes of its patterns."""
    source = (ROOT / file).read_text(encoding="utf-8")
    lines = source.splitlines()
    functions = [node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef)]
    starts = {
        node.name: min([node.lineno, *(one.lineno for one in node.decorator_list)]) for node in functions
    }
    return {node.name: "\n".join(lines[starts[node.name] - 1 : node.end_lineno]) for node in functions}


def _source(named: str) -> str:
    file, _, test = named.partition("::")
    return _tests(file).get(test, "").replace("\\", "")


def _quotes(source: str, words: str) -> bool:
    """Tell whether a test has some characters of a refusal in a row; of one that has fewer than that, what it has."""
    parts = [part.strip() for part in words.partition(": ")[2].split("…")]
    run = min(QUOTED, max(map(len, parts)))
    return any(part[at : at + run] in source for part in parts for at in range(len(part) - run + 1))
