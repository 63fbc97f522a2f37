#!/usr/bin/env bash
# run: plain
# Tests that cannot fail are worth nothing: plant named bugs, one at a time, in a copy of the tree
# and see that each turns a test red.  RTD_MUTATIONS=REGEX: only those whose names match.
set -euo pipefail
cp -r "$ROOT/Makefile" "$ROOT/lib" "$ROOT/tests" .
mkdir -p tools
programs=(parity lanes_test kernels_random_test mask_test pack_test pretrain_random_test pretrain_double_test evaluation_test copy_meter_test
    decoding_test writing_test dataset_test metrics metrics_test gemm_test gemm_rows_test json_test tags_test gold_test
    bad_rows_test doc_lines_test recognise_test stream_test)
unset BUILD BIN # the runner's, of the tree as it is
golden='tests/golden/tiny'

build() { make -s "${programs[@]/#/build/tests/}" >build.log 2>&1 || { tail build.log && exit 1; }; }
red() { # does a test see the bug?  Non-zero, and not by a signal; its name into `by`
    local status=0
    for by in "${programs[@]}"; do
        if [ "$by" = parity ]; then
            RTD_KERNELS=plain build/tests/parity "$golden" >test.log 2>&1 || status=$?
        elif [ "$by" = metrics ]; then
            build/tests/metrics tests/golden/metrics >test.log 2>&1 || status=$?
        else
            "build/tests/$by" >test.log 2>&1 || status=$?
        fi
        [ $status -eq 0 ] || break
    done
    [ $status -ne 0 ] && [ $status -lt 128 ]
}
build
if red; then
    echo 'the tests fail on the tree as it is:'
    cat test.log
    exit 1
fi

survived=0
mutate() { # NAME FILE SED-EXPRESSION
    [[ $1 =~ ${RTD_MUTATIONS:-.} ]] || return 0
    cp "$2" saved
    sed -i "$3" "$2"
    if cmp -s "$2" saved; then
        echo "$1: the line to change in $2 is gone: mend the mutation"
        exit 1
    fi
    build
    if red; then echo "killed: $1 (by $by)"; else
        echo "SURVIVED: $1"
        survived=$((survived + 1))
    fi
    cp saved "$2"
}
mutate 'weight decay of the wrong sign' lib/nn/kernels_ref.c \
    's/(step + o->weight_decay \* p\[i\])/(step - o->weight_decay * p[i])/'
mutate 'dropout without its scale' lib/nn/kernels.c 's/d->scale = .*;/d->scale = 1;/'
mutate 'schedule one step early' lib/learn/optimizer.c 's/u = rtd_share(t, s->steps)/u = rtd_share(t + 1, s->steps)/'
mutate 'warm-up does not multiply' lib/learn/optimizer.c 's|(1 - s->hold)) \* up|(1 - s->hold))|'
mutate 'segments swapped' lib/model/encoder.c \
    's/t->ids\[from + i\], t->types\[from + i\],/t->ids[from + i], 1 - t->types[from + i],/'
mutate 'mean of means' lib/objective/masked_lm.c 's/gen_weight \/ (m->batch->slots + 1e-6)/gen_weight \/ ((double)m->M + 1e-6)/'
mutate 'the discriminator reads the originals' lib/objective/masked_lm.c \
    's/ ids\[m->row\[k\]\] = sampled\[k\];/ ids[m->row[k]] = m->original[k];/'
mutate 'a sample equal to the original counts as replaced' lib/objective/masked_lm.c \
    's/replaced\[m->row\[k\]\] = .*;/replaced[m->row[k]] = 1;/'
mutate 'gradient of the tied table dropped' lib/model/heads.c \
    's/rtd_linear_bwd(dy, g + head->word, logits, y, w + head->word, R, V, e, 0);/rtd_gemm(false, false, R, e, V, 1, logits, V, w + head->word, e, 0, dy, e);/'
mutate 'masked positions one too low' lib/objective/pretrain.c \
    's/(uint32_t)b->positions\[slot\];/(uint32_t)b->positions[slot] - 1;/'
mutate 'another eps in LayerNorm' lib/model/encoder.c 's/\.eps = (real)c->layer_norm_eps/.eps = (real)1e-3/'
mutate '1 - beta2 taken in float' lib/learn/optimizer.c 's/(real)(1 - o->beta2)/1 - (real)o->beta2/'
mutate 'positions shown unmasked are not replaced' lib/objective/masked_lm.c \
    's/^\( *\)ids\[m->row\[k\]\] = sampled/\1if (m->t.ids[m->row[k]] != m->original[k]) ids[m->row[k]] = sampled/'
mutate 'a generator loss of weight 0 trains nevertheless' lib/objective/masked_lm.c \
    's/gscale != 0 && m->M/m->train \&\& m->M/'
mutate 'dropout in evaluation' lib/objective/objective.c 's/return m->train && p->o\.drop;/return p->o.drop;/'
mutate 'evaluation samples as training does' lib/objective/masked_lm.c 's/RTD_RNG_EVAL_GUMBEL/RTD_RNG_GUMBEL/'
mutate 'disallow-correct forgotten' lib/model/heads.c 's/rows->disallow_correct ? rows->target\[m\] : -1/-1/'
mutate 'both networks drop alike' lib/model/encoder.c 's/(uint32_t)enc->net << 8/1u << 8/'
mutate 'all layers drop alike' lib/model/encoder.c 's/| (uint32_t)layer;/| (uint32_t)(layer * 0);/'
mutate 'all heads drop alike' lib/model/encoder.c 's/d\.row0 = (uint32_t)(head \* n);/d.row0 = 0;/'
mutate 'attention drops with the rate of hidden states' lib/model/encoder.c 's/enc->attn_drop, RTD_RNG/enc->hidden_drop, RTD_RNG/'
mutate 'the last layer normal, not Glorot' lib/model/heads.c \
    's/head->out_w = rtd_params_add(p, net, 0, RTD_INIT_GLOROT/head->out_w = rtd_params_add(p, net, 0, RTD_INIT_NORMAL/'
mutate 'initial weights not truncated' lib/model/params.c 's/if (fabs(x) <= 2)/if (fabs(x) <= 9)/'
mutate 'tensors of one name begin alike' lib/model/params.c 's/truncated_normal(seed, (uint32_t)t->net, index, e)/truncated_normal(seed, 0, index, e)/'
mutate 'ties lost in the AUC' lib/pretrain/evaluation.c 's|below + neg / 2|below|'
mutate 'the other copy is searched' lib/pretrain/copy_meter.c 's/> n ? n + 2 : 1;/> n ? 1 : n + 2;/'
mutate 'entropy is no share' lib/pretrain/copy_meter.c 's|(double)rows / log((double)n)|(double)rows|'
mutate 'precision for recall' lib/objective/electra.c 's/BOTH, PREDICTED, NULL/BOTH, REPLACED, NULL/'
mutate 'mask-gen: weights make no difference' lib/corpus/mask.c 's/m->o.weight\[ids\[c\[i\]\]\]/1/'
mutate 'seq-pack: near begins one token later' lib/corpus/pack.c 's/from = n - 1 - rtd_below(coin/from = n - rtd_below(coin/'
mutate 'mask-gen: a candidate is never chosen' lib/corpus/mask.c \
    's/rtd_below(draw(&w), total - k)/rtd_below(draw(\&w), total - k > 1 ? total - k - 1 : 1)/'
mutate 'a target sees the token after it' lib/model/encoder.c 's/i < prefix ? prefix : i + 1; k < n/i < prefix ? prefix : i + 2; k < n/'
mutate 'touched rows are not cleared' lib/learn/lanes.c 's/memset(b->g + l->table\.offset.*;/(void)width;/'
mutate 'a lane has a part end to end' lib/learn/lanes.c 's/for (size_t i = (size_t)l; i < n; i += (size_t)lanes)/for (size_t i = n * (size_t)l \/ (size_t)lanes; i < n * ((size_t)l + 1) \/ (size_t)lanes; i++)/'
mutate 'means over a part of the batch' lib/objective/electra.c 's/m->batch->slots : m->batch->tokens/m->batch->slots : m->batch->start[m->batch->nseq]/'
mutate 'all passes drop alike' lib/model/encoder.c 's/| drop->number << 12 |/|/'
mutate 'label smoothing without its gradient' lib/nn/kernels.c 's/x\[v\] -= gscale \* share;/x[v] -= 0;/'
mutate 'an entity may stay open' lib/gold/tags.c 's/return !(closed \&\&/return !(false \&\& closed \&\&/'
mutate 'labels of IOB1 are those of IOB2' lib/gold/tags.c 's/if (tag.place == RTD_TAG_INSIDE \&\& s->iob1)/if (false)/'
mutate 'one type behind two prefixes is no evidence' lib/gold/tags.c 's/if (e.twice || (nprefixed/if ((nprefixed/'
mutate 'a comment is a token' lib/gold/conll.c 's/bool comment = is_comment(c, line);/bool comment = false;/'
mutate 'answers that are not there are none' lib/gold/squad.c 's/if (found != RTD_JSON_PRESENT)/if (found == RTD_JSON_ABSENT)\n        return RTD_OK;\n    if (found != RTD_JSON_PRESENT)/'
mutate 'only the first bad row is counted' lib/gold/bad_rows.c 's/    b->n++;/    b->n = 1;/'
mutate 'half a surrogate pair is kept' lib/base/json.c 's/half ? 0xfffd : (uint32_t)c/(uint32_t)c/'
mutate 'a sigma is never final' lib/score/text_units.c 's/lower = FINAL_SIGMA;/(void)FINAL_SIGMA;/'
mutate 'the no-answer score is the largest' lib/predict/windows.c 's/none < s->no_answer ? none/none > s->no_answer ? none/'
mutate 'keys of the step before' lib/model/incremental.c 's/own = c->steps + 1;/own = c->steps;/'
mutate 'a text stands in the rows of another' lib/model/incremental.c 's/ctx + row \* h, s->p/ctx, s->p/'
mutate 'ties rank by the first' lib/score/metrics_regression.c 's/((double)i + (double)end + 1) \/ 2/(double)i + 1/'
mutate 'articles count' lib/score/metrics_squad.c 's/article ? " " : s, article ? 1 : run/s, run/'
mutate 'the longest reference length' lib/score/metrics_text.c 's/d < e || (d == e/d > e || (d == e/'
mutate 'all labels weigh as the first' lib/model/head_losses.c 's/(double)r->target->weight\[label\]/(double)r->target->weight[0]/'
mutate 'a target that was cut ends' lib/finetune/dataset_generate.c 's/ - !whole\[s\];/;/'
mutate 'top-p keeps half of them' lib/predict/next_piece.c 's/if (kept >= c->o->top_p)/if (kept >= c->o->top_p \/ 2)/'
mutate 'a beam comes from another' lib/predict/decoding.c 's/from\[live++\] = c->beam;/from[live++] = 0;/'
mutate 'masks are filled by their neighbours' lib/predict/infill.c 's/acts->out + at\[i\] \* h/acts->out + (at[i] - 1) * h/'
mutate 'the second best answer repeats the best' lib/predict/windows.c 's/s->best\[at\] = s->best\[at - 1\];/(void)0;/'
mutate 'the end of a document keeps a length' lib/text/doc_lines.c 's/^    \*len = n;/    *len = s ? n : 1;/'
mutate 'two bytes make a cpio' lib/intake/archive_format.c 's/return is_old_cpio(p, n, 0)/return AT(0, "\\x71\\xc7") || is_old_cpio(p, n, 0)/'
mutate 'offsets without their version' lib/stream/kinds.c 's/"tokens", 2, 1, true/"tokens", 2, 0, true/'
if grep -q avx512dq /proc/cpuinfo; then
    mutate 'a block of products overwrites the one before' lib/nn/gemm_avx512.c 's/= k ? 1 : beta/= beta/'
    mutate 'a tile of five rows rounds otherwise' lib/nn/gemm_avx512.c \
        's/= _mm512_fmadd_ps(one, wide\[v\], sum/= R == 5 ? _mm512_fmadd_round_ps(one, wide[v], sum[i][v], 11) : _mm512_fmadd_ps(one, wide[v], sum/'
fi
[ $survived -eq 0 ]
