/* rtdtools - MIT licence
 *
 * model-import: other programs' checkpoints to model directories. */
#include "cli/tool.h"
#include "import/import.h"

static const struct rtd_usage usage = {
    "-o DIR [options] SOURCE", "make a model directory of what another program saved",
    "SOURCE is a directory with config.json and model.safetensors (in one file or several) or\n"
    "pytorch_model.bin, or a TensorFlow checkpoint of google-research/electra: its prefix, or the\n"
    "directory with its file \"checkpoint\"; DIR then holds discriminator/ and generator/."};

int main(int argc, char **argv)
{
    const char *out = NULL;
    struct rtd_import_origin origin;
    struct rtd_import_options o = {.heads = 0};
    int64_t heads = 0;
    struct rtd_opt table[] = {
        {RTD_OPT_STR, 'o', "output", "DIR", &out, 0, 0, "directory to write", 0},
        {RTD_OPT_STR, 0, "vocab", "FILE", &o.vocab, 0, 0,
         "vocab.txt (default: the one in SOURCE, or in its tokenizer.json)", 0},
        {RTD_OPT_INT, 0, "heads", "N", &heads, 1, 4096,
         "TensorFlow: the discriminator's attention heads (width / 64)", 0},
        {RTD_OPT_FLAG, 0, "cased", NULL, &o.cased, 0, 0,
         "TensorFlow: the vocabulary is not lower-cased", 0},
        {RTD_OPT_FLAG, 0, "moments", NULL, &o.moments, 0, 0,
         "TensorFlow: keep Adam's moments, in moments.safetensors", 0},
        {RTD_OPT_FLAG, 'f', "force", NULL, &o.force, 0, 0, "replace an existing directory", 0},
        RTD_OPT_COMMON_VERBOSE,
        {0},
    };
    struct rtd_err err = {0};
    int first;
    rtd_tool_begin("model-import", argc, argv);
    int st = rtd_parse(argc, argv, table, &usage, &first, &err);
    if (!st && (!out || argc - first != 1))
        st = rtd_fail(&err, RTD_EUSAGE, "want -o DIR and one SOURCE");
    o.heads = (int)heads;
    if (!st)
        st = rtd_import(argv[first], out, &o, &origin, &err);
    if (!st)
        rtd_note("%s: made of %s", out, origin.form);
    return rtd_tool_end(&err, st);
}
