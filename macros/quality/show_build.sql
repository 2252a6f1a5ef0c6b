{#-
    After a build of the marts that the models read: what they hold, and whether the leads still fit them. After one that
    failed: which marts are as an earlier build left them. With QUIET only what is amiss.
-#}
{%- macro show_build(results, horizon, users, to_predict, leads) -%}
    {%- set left = [] -%}
    {%- for result in results if execute
        and result.node.resource_type == 'model' and result.node.fqn[1] == 'marts' and result.status in ('error', 'skipped') -%}
        {%- do left.append(result.node.name) -%}
    {%- endfor -%}
    {%- set built = results | selectattr('status', 'equalto', 'success') | map(attribute='node.name') | list if execute else [] -%}
    {%- if left -%}
        {%- do print('  not rebuilt, as an earlier build left them: ' ~ left | sort | join(', ')
            ~ '; mend what failed above, then build again') -%}
    {%- elif 'horizon' in built -%}
        {%- set counts = run_query('select snapshot_month, to_train_rows, to_train_positives, to_predict_rows, '
            ~ '(select count(*) from ' ~ users ~ ') from ' ~ horizon).rows[0] -%}
        {%- if not env_var('QUIET', '') -%}
            {%- do print('  built for ' ~ counts[0] ~ ': ' ~ '{:,}'.format(counts[4] | int) ~ ' users, '
                ~ '{:,}'.format(counts[1] | int) ~ ' rows to train on (' ~ '{:,}'.format(counts[2] | int) ~ ' positive), '
                ~ '{:,}'.format(counts[3] | int) ~ ' companies to predict') -%}
        {%- endif -%}
        {%- if 'leads' not in built and load_relation(leads) -%}
            {%- set stale = run_query('select count(*) from ' ~ leads ~ ' as leads left join ' ~ to_predict
                ~ ' as to_predict on leads.company_number = to_predict.company_number and to_predict.is_eligible '
                ~ 'where to_predict.company_number is null or leads.score_month <> \'' ~ counts[0] ~ '\'').rows[0][0] -%}
            {%- if stale -%}
                {%- do print('  leads are of an earlier build, ' ~ '{:,}'.format(stale | int)
                    ~ ' of them no longer to predict; `make train` and `make predict` renew them') -%}
            {%- endif -%}
        {%- endif -%}
    {%- endif -%}
{%- endmacro -%}
