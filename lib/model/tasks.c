/* rtdtools - MIT licence */
#include "model/tasks.h"

#include <string.h>

#include "model/heads.h"

#define CLASSIFIER                                          \
    {                                                       \
        {"ForSequenceClassification", "classifier", NULL},  \
        {                                                   \
            "ForSequenceClassification", "classifier", NULL \
        }                                                   \
    }

static const struct rtd_task_entry tasks[RTD_TASKS] = {
    [RTD_TASK_CLASSIFY] = {.name = "classify",
                           .form = &rtd_class_form,
                           .loss = rtd_loss_of_labels,
                           .labels = true,
                           .dropout = true,
                           .problem = "single_label_classification",
                           .of = CLASSIFIER},
    [RTD_TASK_REGRESS] = {.name = "regress",
                          .form = &rtd_class_form,
                          .loss = rtd_loss_of_numbers,
                          .outputs = 1,
                          .dropout = true,
                          .problem = "regression",
                          .of = CLASSIFIER},
    [RTD_TASK_MULTILABEL] = {.name = "multilabel",
                             .form = &rtd_class_form,
                             .loss = rtd_loss_of_flags,
                             .labels = true,
                             .dropout = true,
                             .problem = "multi_label_classification",
                             .of = CLASSIFIER},
    [RTD_TASK_TAG] = {.name = "tag",
                      .form = &rtd_token_form,
                      .loss = rtd_loss_of_tags,
                      .labels = true,
                      .dropout = true,
                      .of = {{"ForTokenClassification", "classifier", NULL},
                             {"ForTokenClassification", "classifier", NULL}}},
    [RTD_TASK_ANSWER] = {.name = "answer",
                         .form = &rtd_token_form,
                         .loss = rtd_loss_of_spans,
                         .outputs = 2,
                         .of = {{"ForQuestionAnswering", "qa_outputs", NULL},
                                {"ForQuestionAnswering", "qa_outputs", NULL}}},
    [RTD_TASK_RANK] = {.name = "rank",
                       .form = &rtd_class_form,
                       .loss = rtd_loss_of_ranking,
                       .outputs = 1,
                       .dropout = true,
                       .problem = "regression",
                       .of = CLASSIFIER},
    [RTD_TASK_GENERATE] = {.name = "generate",
                           .form = &rtd_language_form,
                           .of = {{NULL, "generator_predictions", "generator_lm_head.bias"},
                                  {NULL, "generator_predictions", "generator_lm_head.bias"}}},
    [RTD_TASK_DETECT] = {.name = "detect",
                         .form = &rtd_detector_form,
                         .outputs = 1,
                         .of = {{"ForPreTraining", "discriminator_predictions", NULL},
                                {NULL, "discriminator_predictions", NULL}}},
    [RTD_TASK_FILL] = {.name = "fill",
                       .form = &rtd_language_form,
                       .of = {{"ForMaskedLM", "generator_predictions", "generator_lm_head.bias"},
                              {"ForMaskedLM", "cls.predictions.transform",
                               "cls.predictions.bias"}}},
};

const struct rtd_task_entry *rtd_task_entry(enum rtd_task task)
{
    return &tasks[task];
}

int rtd_task_number(const char *name)
{
    for (int i = 0; name && i < RTD_TASKS; i++)
        if (strcmp(name, tasks[i].name) == 0)
            return i;
    return -1;
}
